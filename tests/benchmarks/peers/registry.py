"""All peers, in the order of the table."""

from tests.benchmarks.peers import (
    cvxpy_problem,
    dede_admm,
    linopy_highs,
    ortools_mathopt,
    ortools_pywraplp,
    pulp_highs,
    pyomo_highs,
    pyoptinterface_highs,
    scs_cones,
)
from tests.benchmarks.peers.peer import Peer

PEERS: tuple[Peer, ...] = (
    pyoptinterface_highs.PEER,
    linopy_highs.PEER,
    cvxpy_problem.PEER,
    pyomo_highs.PEER,
    pulp_highs.PEER,
    ortools_mathopt.PEER,
    ortools_pywraplp.PEER,
    cvxpy_problem.CLARABEL,
    scs_cones.PEER,
    dede_admm.PEER,
)
