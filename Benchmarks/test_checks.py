"""The benchmarks' checks can fail: `python3 Benchmarks/test_checks.py`."""

import importlib.util
import os
import unittest
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))


def module(name, path):
    spec = importlib.util.spec_from_file_location(name, os.path.join(HERE, path))
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


proxy = module("proxy_run", "proxy/run.py")
models = module("models_run", "models/run.py")
soak = module("models_soak", "models/soak.py")
instructions = module("instructions_run", "instructions/run.py")


def results(ratio=1.0, bad=0, **numbers):
    return {"sluice": {"h1": {"bad": bad, "ratios": {"nginx": ratio}}, **numbers}}


class Bounds(unittest.TestCase):
    def test_inside(self):
        self.assertEqual(proxy.crossed(results(1.2, startup_ms=60, rest_mib=25, connection_kib=5)), [])

    def test_a_ratio_above_its_bound(self):
        self.assertEqual(len(proxy.crossed(results(1.21))), 1)

    def test_bad_answers(self):
        self.assertEqual(len(proxy.crossed(results(1.0, bad=1))), 1)

    def test_a_peer_that_was_not_measured(self):
        self.assertEqual(len(proxy.crossed({"sluice": {"h1": {"bad": 0, "ratios": {}}}})), 1)

    def test_memory_and_startup(self):
        self.assertEqual(len(proxy.crossed(results(startup_ms=61, rest_mib=26, connection_kib=5.1))), 3)


class Thresholds(unittest.TestCase):
    def test_inside_the_band(self):
        self.assertEqual(instructions.compare({"parse": 104, "match": 96}, {"parse": 100, "match": 100}), ([], []))

    def test_above(self):
        failures, _ = instructions.compare({"parse": 106}, {"parse": 100})
        self.assertEqual(len(failures), 1)

    def test_below_asks_to_lower(self):
        failures, notes = instructions.compare({"parse": 94}, {"parse": 100})
        self.assertEqual((failures, len(notes)), ([], 1))

    def test_no_threshold(self):
        failures, _ = instructions.compare({"parse": 94}, {})
        self.assertEqual(len(failures), 1)


class Models(unittest.TestCase):
    def test_inside(self):
        self.assertEqual(models.crossed({name: bound for name, bound in models.BOUNDS.items()}), [])

    def test_each_bound_can_be_crossed(self):
        for name, bound in models.BOUNDS.items():
            self.assertEqual(len(models.crossed({name: bound + 0.01})), 1)

    def test_overspending(self):
        self.assertEqual(soaked("0.9", charged="0.9"), [])
        self.assertEqual(len(soaked("1.01", charged="1.01")), 1)

    def test_a_call_that_is_lost(self):
        self.assertEqual(len(soaked("0.9", charged="0.8")), 1)

    def test_a_call_without_an_end_is_reserved(self):
        self.assertEqual(soaked("0.9", charged="0.8", reserved="0.1"), [])
        self.assertEqual(len(soaked("0.9", charged="0.8", reserved="0.09")), 1)

    def test_nothing_was_spent(self):
        self.assertEqual(len(soaked("0", charged="0")), 1)


def soaked(spent, charged, reserved="0"):
    """What a soak's judge says on a budget of one dollar."""
    return soak.judge(Decimal(spent), Decimal(charged), Decimal(reserved), Decimal(1))


if __name__ == "__main__":
    unittest.main()
