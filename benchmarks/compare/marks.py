"""Marks: what a row's medians must reach, and how that is told."""


class AtLeast:
    """slipway's figure over another's."""

    def __init__(self, ratio, other, own="slipway"):
        self.ratio, self.other, self.own = ratio, other, own

    def check(self, medians):
        if self.other not in medians:
            return None, f"{self.other}: not measured"
        found = medians[self.own] / medians[self.other]
        return found >= self.ratio, f"{found:.2f} × {self.other} (at least {self.ratio})"


class AtMost:
    """slipway's figure over another's, where less is better."""

    def __init__(self, ratio, other, own="slipway"):
        self.ratio, self.other, self.own = ratio, other, own

    def check(self, medians):
        found = medians[self.own] / medians[self.other]
        return found <= self.ratio, f"{found:.2f} × {self.other} (at most {self.ratio})"


class Below:
    """slipway's figure itself."""

    def __init__(self, limit, unit):
        self.limit, self.unit = limit, unit

    def check(self, medians):
        return medians["slipway"] < self.limit, f"below {self.limit} {self.unit}"
