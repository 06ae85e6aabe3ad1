"""Rates made usage with CloudKitty's hashmap module, as its processor does for one scope and period: in memory, one price per service.

Usage: cloudkitty-rate.py DIRECTORY ROWS START   (START: unix seconds; DIRECTORY gets its database of prices)
Prints one JSON object: CPU seconds of the rating alone, data points, their total.
"""
import datetime
import decimal
import json
import sys
import time
import warnings

warnings.simplefilter("ignore")

from oslo_config import cfg
from oslo_db import options as database_options
from cloudkitty import service  # noqa: F401  (its import registers the configuration)
from cloudkitty import dataframe
from cloudkitty.rating import hash as hashmap
from cloudkitty.rating.hash.db import api as hashmap_database

directory, rows, start = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
database_options.set_defaults(cfg.CONF)
cfg.CONF([], project="cloudkitty")
cfg.CONF.set_override("connection", "sqlite:///" + directory + "/prices.db", group="database")
prices = hashmap_database.get_instance()
prices.get_migration().upgrade("head")

# Name, base units of a priced unit, price, and the quantity of row i: the same rows and prices as RateScenario's.
services = (
    ("cpu", 3600 * 10**6, "0.05", lambda i: i * 7919 % 3_600_000_000 + 1),
    ("memory", 3600 << 30, "0.01", lambda i: (i * 104_729 % 4_000_000_000 + 1) * 3600),
    ("io", 1 << 30, "0.002", lambda i: i * 15_485_863 % 10_000_000_000),
)
for name, _, price, _ in services:
    prices.create_mapping(cost=decimal.Decimal(price), map_type="flat", service_id=prices.create_service(name).service_id)

begin = datetime.datetime.fromtimestamp(start, datetime.timezone.utc)
usage = {
    name: [dataframe.DataPoint(name, decimal.Decimal(used(i)) / unit, 0, {"id": str(i), "project_id": "tenant"}, {}) for i in range(rows)]
    for name, unit, _, used in services
}
frame = dataframe.DataFrame(start=begin, end=begin + datetime.timedelta(hours=1), usage=usage)
rater = hashmap.HashMap("tenant")
before = time.process_time()
rated = rater.process(frame)
seconds = time.process_time() - before
with decimal.localcontext() as context:
    context.prec = 60
    total = sum((point.price for _, point in rated.iterpoints()), decimal.Decimal(0))
print(json.dumps({"seconds": seconds, "points": len(services) * rows, "total": format(total, "f")}))
