"""The receiver takes what is signed as Standard Webhooks says, and nothing else."""

import base64
import io
import unittest

from receiver import Notices

NOTICE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
STAMP = 1_614_265_330
# openssl dgst -sha256 -mac HMAC over "id.timestamp.body" with this secret.
SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(signature: str = SIGNATURE, notice: str = NOTICE, stamp: int = STAMP) -> dict[bytes, bytes]:
    return {
        b"webhook-id": notice.encode(),
        b"webhook-timestamp": str(stamp).encode(),
        b"webhook-signature": signature.encode(),
    }


class ReceiverTests(unittest.TestCase):
    def setUp(self) -> None:
        self.notices = Notices(SECRET, io.StringIO(), now=lambda: STAMP + 10)

    def test_a_signature_made_by_openssl_holds(self) -> None:
        self.assertTrue(self.notices.is_signed(headers(), BODY))
        self.assertTrue(self.notices.is_signed(headers(f"v1,AAAA {SIGNATURE}"), BODY))

    def test_anything_changed_or_old_does_not(self) -> None:
        for wrong, body in (
            (headers(), BODY + b" "),
            (headers(notice="other"), BODY),
            (headers(stamp=STAMP + 1), BODY),
            (headers(stamp=STAMP - 400), BODY),
            (headers(SIGNATURE.replace("v1", "v2")), BODY),
            ({}, BODY),
        ):
            self.assertFalse(self.notices.is_signed(wrong, body))

    def test_an_unsigned_post_is_counted_and_leaves_no_note(self) -> None:
        self.assertEqual(self.notices.take(headers("v1,AAAA"), BODY), 401)
        self.assertEqual((self.notices.invalid, len(self.notices.seen)), (1, 0))


if __name__ == "__main__":
    unittest.main()
