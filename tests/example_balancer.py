"""A whole balancer, as CONTRIBUTING describes it: weights in inverse proportion to the losses."""

from adc.balancer import BalancerState, OtherRule, bounded


class Inverse(OtherRule):
    """w_k proportional to 1 / L_k, the sum p."""

    label = "inverse"

    def _move(self, state: BalancerState) -> None:  # `step` calls it once every domain had data
        share = 1 / bounded(self._losses)
        self.weights = self.p * share / share.sum()
