"""A whole balancer, as CONTRIBUTING asks for it: weights in inverse proportion to the losses."""

from adc.balancer import Step, Successor, bounded


class Inverse(Successor):
    """w_k proportional to 1 / L_k, the sum p."""

    def _move(self, seen: Step) -> None:  # `step` calls it once every domain was seen
        share = 1 / bounded(self._losses)
        self.weights = self.p * share / share.sum()
