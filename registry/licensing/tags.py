"""The vocabulary of use-case tags. Pure."""

ORDINARY = frozenset({
    "chatbot", "classification", "coding_assistant", "content_generation", "customer_support", "data_extraction",
    "document_processing", "education", "embedding", "image_understanding", "internal_assistant", "internal_search",
    "marketing", "question_answering", "research", "search", "software_development", "summarisation",
    "summarization", "text_generation", "translation",
})  # fmt: skip

DELICATE = frozenset({
    "automated_decision", "biometric_identification", "credit_decision", "critical_infrastructure",
    "cyber_offence", "disinformation", "emotion_recognition", "employment_decision", "espionage", "financial_advice",
    "fraud", "harassment", "healthcare_decision", "housing_decision", "illegal_goods", "impersonation",
    "insurance_decision", "law_enforcement", "legal_advice", "legal_decision", "medical", "medical_advice",
    "military", "minors", "nuclear", "self_harm", "sexual_content", "social_scoring", "social_welfare_decision",
    "spam", "surveillance", "terrorism", "unlawful_discrimination", "weapons",
})  # fmt: skip

KNOWN = ORDINARY | DELICATE
