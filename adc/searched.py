"""Any method trained by the settings that the search found for its dataset (R32)."""

from adc import baselines, residual, runs, train, tuned
from adc.balancers import RIVALS
from adc.studies import BASE


def run(method: str, parameters: dict) -> runs.Run:
    """The run of a method with `parameters`, those found, and, for ADC, other balancers and `adc_residual`, `BASE`; trained if it is not stored.

    Of `parameters` (dataset, seed, domains, epochs, patience, …) a method takes those that it has.
    """
    found = tuned.parameters(parameters["dataset"], method)
    if method in ("adc", "static", *RIVALS):
        balancer = {} if method == "adc" else {"balancer": method}
        return train.run(train.configuration(**BASE | parameters | found | balancer), show=False)
    if method == "adc_residual":
        return residual.run(residual.configuration(**BASE | parameters | found), show=False)
    known = (*baselines.COMMON, *baselines.parameters(method))
    given = {name: value for name, value in parameters.items() if name in known} | {"method": method}
    return baselines.run(baselines.configuration(**given | found), show=False)
