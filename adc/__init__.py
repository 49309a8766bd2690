"""Adaptive Deep Learning of Cross-Domain Loss in Collaborative Filtering (Rafailidis and Weiss), rebuilt.

p domains share some of their users. Each user's vectors of all domains are concatenated, go through a shared
MLP of h layers, and a matrix W splits the result into one vector z^(k) a domain. Every domain has a BPR loss
and a term that keeps a user's vectors alike (Eqs. 1, 2); the joint loss is their weighted sum (Eq. 3), whose
weights are learned so that the domains learn at similar rates (Eqs. 4, 5).

    import adc

    # a data frame, or the path of a file: domain, user, item, rating (timestamp, title)
    split = adc.split_ratings(table, seed=0)  # by domain: 50 % training, 10 % validation, the rest test
    trained = adc.fit(split, adc.Config(hidden_layers=2, gamma=2.0, epochs=25))
    trained.history      # by epoch and domain: L_k, w_k, gradient norm and target, r_k, validation NDCG@10
    trained.evaluate()   # recall and NDCG on the test ratings
    trained.score(0)     # a function from users to their scores of all items of domain 0

    config           hyperparameters, their symbols and readings
    ratings, split   tables in, arrays out; 50/10/rest by domain (§IV-B)
    mf_init          the start by matrix factorization (§III-B)
    sampling         triples and negatives (§III-A)
    model, losses    Fig. 1; Eqs. 1 and 2
    balancer         Eqs. 4 and 5, on any positive losses; balancers: other published rules
    train            a plain step of Eqs. 1 to 5, epochs, `fit`; fast_step, optim: the same, for speed
    early_stopping   when epochs end; metrics, relevance, evaluation: recall and NDCG (§IV-B)
"""

from adc.balancer import Balancer, BalancerState, GradNorm, gradient_norms
from adc.config import Config
from adc.early_stopping import Trained
from adc.errors import UserError
from adc.evaluation import evaluate
from adc.losses import agreement, bpr
from adc.metrics import ndcg, recall
from adc.model import ADC
from adc.ratings import Ratings
from adc.split import Split, split_ratings
from adc.train import Trainer, fit

__version__ = "0.3.0"
__all__ = [
    "ADC", "Balancer", "BalancerState", "Config", "GradNorm", "Ratings", "Split", "Trained", "Trainer",
    "UserError", "agreement", "bpr", "evaluate", "fit", "gradient_norms", "ndcg", "recall", "split_ratings",
]  # fmt: skip
