"""A process that writes an order under an Idempotency-Key and waits, uncommitted, to be killed."""

import sys
import time


def main(secret: str) -> None:
    import django

    django.setup()
    from orders import api
    from tests.api.conftest import ApiClient
    from tests.api.test_idempotency import order

    real = api.order_upsert

    def write_and_wait(**kwargs: object) -> object:
        result = real(**kwargs)  # type: ignore[arg-type]
        print("written, not committed", flush=True)
        time.sleep(60)
        return result

    api.order_upsert = write_and_wait  # type: ignore[assignment]
    ApiClient(secret).post_json("orders/", order(), key="k1")


if __name__ == "__main__":
    main(sys.argv[1])
