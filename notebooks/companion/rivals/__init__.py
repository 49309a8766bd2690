"""The methods that ADC is compared with (§IV-C), and the hurdles beside them: a file a method.

Every file has `Settings`, a frozen dataclass with `epochs` and `patience`; a learner made from
(configuration, split) with `epoch`, `score` and `arrays` (`adc.early_stopping.Learner`); and ends with its
`METHOD` (`companion.method`), by which `companion.registry` configures, trains, searches, scores and draws
it. The smallest that there can be is `tests/example_method.py`."""
