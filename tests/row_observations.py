"""Small observations of rows in float64, made without a client: a net of two layers on rows of four columns."""

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.nn import functional

from bench.messages.columns import TableColumn, TableColumns
from bench.messages.observation import Observation
from bench.messages.task import Task

OWNER, WORK = TableColumn("owner", ("no", "yes")), TableColumn("work", ("a", "b", "c"))
COLUMNS = TableColumns((TableColumn("age"), OWNER, WORK, TableColumn("height")))


def observe_rows(victims: int = 3, batch_size: int = 2) -> tuple[Observation, Tensor, Tensor]:
    """An observation with its labels granted, and the rows `[V, B, 7]` and labels `[V, B]` behind it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(7, 40), nn.Sigmoid(), nn.Linear(40, 2)).double()
    generator = torch.Generator().manual_seed(1)
    rows = COLUMNS.hard(torch.randn(victims, batch_size, 7, generator=generator, dtype=torch.float64))
    labels = torch.randint(2, (victims, batch_size), generator=generator)
    parameters = {name: v.detach().expand(victims, *v.shape) for name, v in model.named_parameters()}

    def gradient(parameters: dict, buffers: dict, inputs: Tensor, targets: Tensor) -> dict:
        def loss(own: dict) -> Tensor:
            return functional.cross_entropy(functional_call(model, own, (inputs,)), targets)

        return grad(loss)(parameters)

    task = Task(gradient, (7,), 2, (-3.0, 3.0), last_linear="2.weight", last_bias="2.bias", columns=COLUMNS)
    own = {name: value[0] for name, value in parameters.items()}
    shared = [gradient(own, {}, rows[i], labels[i]) for i in range(victims)]
    gradients = {name: torch.stack([one[name].detach() for one in shared]) for name in own}
    seen = Observation(gradients, parameters, {}, 10 + torch.arange(victims), task, batch_size, labels)
    return seen, rows, labels
