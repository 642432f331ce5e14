"""People, service tokens and policy documents."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from governance.constraints import both_or_neither, matches
from governance.permissions import ROLE_PERMISSIONS, Permission, Role, Scope


class User(AbstractUser):
    """A person with exactly one role."""

    role = models.CharField(
        max_length=16, choices=[(role.value, role.value) for role in Role], default=Role.AUDITOR
    )

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="governance_user_role_known"
            ),
            # Nobody stands above the roles: separation of duties would end there.
            models.CheckConstraint(condition=Q(is_superuser=False), name="governance_user_no_superuser"),
        ]

    def may(self, permission: Permission) -> bool:
        """Whether this person's role grants the right."""
        return self.is_active and permission in ROLE_PERMISSIONS[Role(self.role)]

    def __str__(self) -> str:
        return f"{self.username} ({self.role})"


class ApiToken(models.Model):
    """A bearer token of a serving node, a recorder or a pipeline; the secret itself is never stored."""

    key_id = models.CharField(max_length=16, unique=True)
    secret_hmac = models.CharField(max_length=64)
    name = models.CharField(max_length=100)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    scopes = ArrayField(models.CharField(max_length=16))
    # Where the token is good; empty for every environment.
    environment = models.CharField(max_length=64, blank=True)
    # The one recorder whose records the token may append; needed for the scope `record`.
    recorder = models.CharField(max_length=128, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            matches("key_id", "^[0-9a-f]{16}$", name="governance_apitoken_key_id_hex"),
            matches("secret_hmac", "^[0-9a-f]{64}$", name="governance_apitoken_secret_hashed"),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=[scope.value for scope in Scope], scopes__len__gt=0),
                name="governance_apitoken_scopes_known",
            ),
            models.CheckConstraint(
                condition=~Q(scopes__contains=[Scope.RECORD.value]) | ~Q(recorder=""),
                name="governance_apitoken_record_needs_recorder",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="governance_apitoken_expires_later"
            ),
            both_or_neither("revoked_at", "revoked_by", name="governance_apitoken_revoked_at_and_by_paired"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key_id})"


class PolicyDocument(models.Model):
    """A policy as it was loaded: immutable, the newest one is in force."""

    text = models.TextField()
    policy_digest = models.CharField(max_length=71, unique=True)
    loaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    loaded_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            matches("policy_digest", "^sha256:[0-9a-f]{64}$", name="governance_policydocument_digest_form"),
        ]

    def __str__(self) -> str:
        return f"{self.policy_digest[:19]} of {self.loaded_at:%Y-%m-%d}"
