"""One user's calls through Segment's SDK; what goes wrong is printed."""

import argparse

from segment.analytics import Client

arguments = argparse.ArgumentParser()
arguments.add_argument("url")
arguments.add_argument("write_key")
arguments.add_argument("user")
arguments.add_argument("--gzip", action="store_true")
options = arguments.parse_args()

user = options.user
client = Client(
    options.write_key,
    host=options.url,
    gzip=options.gzip,
    on_error=lambda error, _: print(error),
)
client.identify(user, {"email": "jo@shop.example", "plan": "gold"})
client.track(user, "Order Completed", {"revenue": 58.5, "note": "Größe ✓"})
client.page(user, "Shop", "Home", {"url": "https://shop.example/"})
client.screen(user, name="Basket")
client.group(user, "g1", {"name": "Potters"})
client.alias("a1", user)
client.flush()
client.join()
