import pytest
import tlog_scales.signing
import tlog_scales.tlog
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import ed25519, encoding, merkle, note

ORIGIN = "custody.example/log/decisions"
PRIVATE = bytes([7]) * 32
VKEY = note.make_vkey(ORIGIN, public_key=ed25519.public_key_of(PRIVATE))
ROOT = merkle.leaf_hash(b"x")
BODY = note.format_checkpoint_body(origin=ORIGIN, size=12, root=ROOT)
SIGNED = note.sign_note(BODY, name=ORIGIN, private_key_bytes=PRIVATE)
GREASE = "\u2014 someone.example " + encoding.encode_base64(b"abcd" + b"?" * 70) + "\n"

# a key and a tree head that the Go project publishes for its checksum database
SUMDB_VKEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def test_verify_note_returns_the_checkpoint():
    assert note.verify_note(SIGNED, [VKEY]) == note.Checkpoint(ORIGIN, 12, ROOT)


def test_parse_vkey_of_a_public_log():
    vkey = note.parse_vkey(SUMDB_VKEY)

    assert (vkey.name, vkey.key_id.hex()) == ("sum.golang.org", "033de0ae")
    assert str(vkey) == SUMDB_VKEY


def test_another_implementation_reads_and_writes_the_same_bytes():
    theirs = tlog_scales.signing.PlainEd25519Signer(ORIGIN, PRIVATE)
    checkpoint = tlog_scales.tlog.Checkpoint.make_signed(ORIGIN, 12, ROOT, [theirs])

    assert checkpoint.serialize().encode() == SIGNED
    tlog_scales.tlog.Checkpoint.from_text(SIGNED.decode()).verify(theirs.vkey)
    assert theirs.vkey.key_id.to_bytes(4) == VKEY.key_id


def test_verify_note_ignores_unknown_signatures():
    greased = SIGNED + GREASE.encode() * 20

    assert note.verify_note(greased, [VKEY]).size == 12
    with pytest.raises(note.NoteUntrusted):
        note.verify_note(greased, [])


def test_verify_note_refuses_a_bad_signature_of_a_known_key_beside_a_good_one():
    wrong = "\u2014 " + ORIGIN + " " + encoding.encode_base64(VKEY.key_id + b"?" * 64) + "\n"

    with pytest.raises(note.NoteInvalid, match="wrong") as caught:
        note.verify_note(SIGNED + wrong.encode(), [VKEY])
    assert caught.value.code == "note_invalid"


def test_verify_note_wants_the_key_of_the_log_itself():
    other = note.make_vkey("witness.example", public_key=ed25519.public_key_of(PRIVATE))
    signed = note.sign_note(BODY, name="witness.example", private_key_bytes=PRIVATE)

    with pytest.raises(note.NoteUntrusted, match="no trusted key of the log"):
        note.verify_note(signed, [other])


def test_verify_note_refuses_two_keys_under_one_id():
    twin = note.Vkey(VKEY.name, VKEY.key_id, bytes(32))

    with pytest.raises(note.NoteInvalid, match="two different keys"):
        note.verify_note(SIGNED, [VKEY, twin])
    assert note.verify_note(SIGNED, [VKEY, VKEY]).size == 12


@pytest.mark.parametrize("bit", range(8))
def test_verify_note_refuses_every_flipped_bit(bit):
    for position in range(len(SIGNED)):
        spoiled = bytearray(SIGNED)
        spoiled[position] ^= 1 << bit
        with pytest.raises(note.NoteInvalid):
            note.verify_note(bytes(spoiled), [VKEY])


@given(st.binary(max_size=300) | st.binary(max_size=30).map(lambda junk: SIGNED + junk))
def test_parsing_raises_nothing_but_its_own_error(data):
    for parse in (note.parse_note, note.parse_checkpoint_body, note.parse_vkeys):
        try:
            parse(data)
        except note.NoteInvalid:
            continue


@given(st.text())
def test_parse_vkey_raises_nothing_but_its_own_error(text):
    for candidate in (text, f"{text}+033de0ae+Ac4z", f"name+{text}+{text}"):
        with pytest.raises(note.NoteInvalid):
            note.parse_vkey(candidate)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data.replace(b"\n\n", b"\n"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"12\n", b"12\t\n"),
        lambda data: data.replace(b" ", b"  ", 2),
        lambda data: data.replace("\u2014 ".encode(), b"- "),
        lambda data: data + b"\x00",
        lambda data: data + b"\xff\n",
        lambda data: data + GREASE.encode() * 64,
        lambda data: data + "\u2014 a+b YWJjZGU=\n".encode(),
        lambda data: data + "\u2014 a\u00a0b YWJjZGU=\n".encode(),
        lambda data: data + "\u2014 a YWJjZGV=\n".encode(),
        lambda data: data + "\u2014 a YWJjZA==\n".encode(),
        lambda data: data + "\u2014 a YWJjZGU\n".encode(),
        lambda data: data + "\u2014 a YW_jZGU=\n".encode(),
        lambda data: data + b" " * note.MAX_NOTE_BYTES,
        lambda _: b"",
        lambda _: b"\n\n",
    ],
)
def test_parse_note_refuses(change):
    with pytest.raises(note.NoteInvalid):
        note.parse_note(change(SIGNED))


@pytest.mark.parametrize(
    "body",
    [
        "a\n1\n",
        "a\n01\n{root}\n",
        "a\n-1\n{root}\n",
        "a\n+1\n{root}\n",
        "a\n1 \n{root}\n",
        "a\n\u0661\n{root}\n",
        "a\n1\n{root}",
        "a\n1\n{root}\n\n",
        "\n1\n{root}\n",
        "a\n1\n\n{root}\n",
        "a\n1\nAAAA\n",
        "a\n1\n{root} \n",
        "a\n" + "9" * 17 + "\n{root}\n",
    ],
)
def test_parse_checkpoint_body_refuses(body):
    with pytest.raises(note.NoteInvalid):
        note.parse_checkpoint_body(body.replace("{root}", encoding.encode_base64(ROOT)).encode())


def test_parse_checkpoint_body_keeps_extension_lines():
    assert note.parse_checkpoint_body(BODY + b"more\n").extensions == ("more",)


@pytest.mark.parametrize(
    ("origin", "size", "root"), [("a\nb", 1, ROOT), ("", 1, ROOT), ("a", -1, ROOT), ("a", 1, b"")]
)
def test_format_checkpoint_body_refuses_what_would_not_come_back(origin, size, root):
    with pytest.raises(note.NoteInvalid):
        note.format_checkpoint_body(origin=origin, size=size, root=root)


@pytest.mark.parametrize("body", [b"no newline", b"tab\t\n", b"\xff\n"])
def test_sign_note_refuses_what_is_no_text_of_a_note(body):
    with pytest.raises(note.NoteInvalid):
        note.sign_note(body, name="a", private_key_bytes=PRIVATE)


def test_parse_vkeys_reads_a_trust_file():
    data = f"# the logs\n\n{VKEY}\n  {SUMDB_VKEY}  \n".encode()

    assert [vkey.name for vkey in note.parse_vkeys(data)] == [ORIGIN, "sum.golang.org"]


@pytest.mark.parametrize(
    "text",
    [
        SUMDB_VKEY.upper(),
        SUMDB_VKEY.replace("033de0ae", "033de0af"),
        SUMDB_VKEY.replace("sum.", "xum."),
        SUMDB_VKEY[:-4],
        SUMDB_VKEY.replace("+Ac4", "+BM4"),
        "+".join(["", *SUMDB_VKEY.split("+")[1:]]),
    ],
)
def test_parse_vkey_refuses(text):
    with pytest.raises(note.NoteInvalid):
        note.parse_vkey(text)
