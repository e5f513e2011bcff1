"""One step of Adam with the rates of the schedule, scaled by fan-in and bounded."""

import copy

import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SMALLEST
from torch import Tensor, nn

from training.config import Settings, preset_named
from training.distributed import SINGLE_PROCESS
from training.methods import new_method
from training.methods.optimizer import ScaledAdam, fan_ins, new_optimizer, optimizer_step
from training.networks.gan import Discriminator, Generator
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues

CPU = torch.device("cpu")
OLD = SMALLEST.with_changes(beta1=0.0, fan_in_reference=0, update_clip=0.0, warm_up_images=0, precision="float32")
SCALED = OLD.with_changes(fan_in_reference=288, update_clip=1.0)


def weighing(*numbers: float) -> nn.Module:
    """A network of one weight."""
    network = nn.Module()
    network.weight = nn.Parameter(torch.tensor(numbers))
    return network


def scheduled(rate: float, beta2: float = 0.9) -> ScheduleValues:
    return ScheduleValues(rate, beta2, 0.0)


@pytest.mark.parametrize("settings", [OLD, SCALED], ids=["old", "scaled"])
def test_the_first_step_is_as_long_as_the_learning_rate_downhill(settings: Settings):
    network = weighing(1.0, -2.0)
    optimizer_step(new_optimizer(network, settings), network.weight.square().sum(), scheduled(0.1), SINGLE_PROCESS)

    assert network.weight.tolist() == pytest.approx([0.9, -1.9], abs=1e-6)


@pytest.mark.parametrize("settings", [OLD, SCALED], ids=["old", "scaled"])
def test_the_moments_rates_are_set_and_beta1_stays(settings: Settings):
    network = weighing(1.0)
    adam = new_optimizer(network, settings.with_changes(beta1=0.5))
    optimizer_step(adam, network.weight.sum(), scheduled(0.01, 0.97), SINGLE_PROCESS)

    assert adam.param_groups[0]["lr"] == 0.01
    assert adam.param_groups[0]["betas"] == (0.5, 0.97)


@pytest.mark.parametrize("settings", [OLD, SCALED], ids=["old", "scaled"])
def test_gradients_of_an_earlier_step_are_forgotten(settings: Settings):
    network = weighing(1.0)
    adam = new_optimizer(network, settings)
    for _ in range(3):
        optimizer_step(adam, 2 * network.weight.sum(), scheduled(0.0), SINGLE_PROCESS)

    assert network.weight.grad.item() == 2


def two_layers() -> nn.Sequential:
    """576 numbers -> 288 -> 1: fan-in 576 and 288."""
    return nn.Sequential(nn.Linear(576, 288), nn.ReLU(), nn.Linear(288, 1))


def test_a_layer_of_twice_the_reference_inputs_moves_half_as_far_and_biases_the_whole_way():
    """Adam's first step moves every weight by its rate, whatever the gradient."""
    network = two_layers()
    before = copy.deepcopy(network)
    loss = network(torch.randn(8, 576)).sum()
    optimizer_step(new_optimizer(network, SCALED), loss, scheduled(0.01), SINGLE_PROCESS)
    wide, _, head = ((new, old) for new, old in zip(network, before, strict=True))

    def moved(layer: tuple[nn.Linear, nn.Linear], name: str) -> float:
        return (getattr(layer[0], name) - getattr(layer[1], name)).abs().max().item()

    assert fan_ins(network) == [576, 1, 288, 1]
    assert moved(wide, "weight") == pytest.approx(0.005, rel=1e-3)
    assert moved(head, "weight") == pytest.approx(0.01, rel=1e-3)
    assert moved(wide, "bias") == pytest.approx(0.01, rel=1e-3)


def test_after_a_sudden_gradient_the_rms_of_every_update_is_at_most_one_rate():
    """Without the bound it is 1 / sqrt(1 - beta2): 3.2 at 0.9."""
    moved = {}
    for name, clip in (("free", 0.0), ("bounded", 1.0)):
        torch.manual_seed(0)
        network = weighing(*torch.randn(50).tolist())
        adam = ScaledAdam(network, 0.0, 0, clip)
        for size in [1e-3] * 60 + [1e3]:
            before = network.weight.detach().clone()
            optimizer_step(adam, (size * network.weight * torch.randn(50)).sum(), scheduled(0.01), SINGLE_PROCESS)
            moved.setdefault(name, []).append((network.weight - before).square().mean().sqrt().item() / 0.01)

    assert moved["free"][-1] == pytest.approx(0.1**-0.5, rel=1e-2)
    assert moved["bounded"][-1] == pytest.approx(1, rel=1e-4)
    assert max(moved["bounded"]) <= 1 + 1e-4


def test_where_nothing_is_scaled_or_bounded_it_is_adam_but_for_rounding():
    one, other = two_layers(), two_layers()
    other.load_state_dict(one.state_dict())
    adam, scaled = new_optimizer(one, OLD.with_changes(beta1=0.5)), ScaledAdam(other, 0.5, 0, 0.0)
    for _ in range(20):
        inputs = torch.randn(8, 576)
        for network, optimizer in ((one, adam), (other, scaled)):
            optimizer_step(optimizer, network(inputs).square().sum(), scheduled(1e-3), SINGLE_PROCESS)

    for weight, expected in zip(other.parameters(), one.parameters(), strict=True):
        assert torch.allclose(weight, expected, atol=1e-6)


def test_settings_of_an_older_run_give_the_very_steps_of_torchs_adam():
    stored = {"preset": "tiny", "images_shown": 800, "batch": 8, "code_size": 8, "width": 4, "discriminator_width": 4}
    stored |= {"width_max": 64, "blocks": 1, "patch_pixels": 1, "learning_rate": [2e-3, 4e-4], "beta2": [0.9, 0.99]}
    settings = Settings.from_json(stored | {"gamma": [0.5, 0.05], "half_life_images": 20_000, "precision": "float32"})
    network = Discriminator(settings, EIGHT_BY_EIGHT)
    other = copy.deepcopy(network)
    adam = new_optimizer(network, settings)
    reference = torch.optim.Adam(other.parameters(), lr=1e-3, betas=(0.0, 0.9), eps=1e-8, fused=True)
    for _ in range(5):
        images = torch.randn(4, 1, 8, 8)
        optimizer_step(adam, network(images).square().sum(), scheduled(1e-3), SINGLE_PROCESS)
        reference.zero_grad()
        other(images).square().sum().backward()
        reference.step()

    assert type(adam) is torch.optim.Adam
    assert all(torch.equal(*pair) for pair in zip(network.parameters(), other.parameters(), strict=True))


def test_a_weight_without_a_gradient_stays_where_it_is():
    network = two_layers()
    network[0].requires_grad_(False)
    before = copy.deepcopy(network[0])
    optimizer_step(new_optimizer(network, SCALED), network(torch.randn(8, 576)).sum(), scheduled(0.1), SINGLE_PROCESS)

    assert torch.equal(network[0].weight, before.weight)


def counted(network: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, int]:
    """Fan-in of every weight tensor, by its name."""
    assert network(*inputs) is not None
    return dict(zip((name for name, _ in network.named_parameters()), fan_ins(network), strict=True))


def test_fan_in_is_what_one_output_adds_up_in_every_network():
    settings, geometry = preset_named("small").with_changes(conditional=True), Geometry(32, 32, 3, 2, 10)
    one_label = torch.zeros(1, dtype=torch.int64)
    generator = counted(Generator(settings, geometry), (torch.randn(1, 64), one_label))
    discriminator = counted(Discriminator(settings, geometry), (torch.randn(1, 3, 32, 32), one_label))

    assert (generator["base.weight"], generator["label_base.weight"]) == (64, 1)
    assert generator["body.stages.0.0.first.weight"] == 128 * 9
    assert generator["body.widen.0.weight"] == 128
    assert discriminator["body.from_pixels.weight"] == 3 * 4 * 9
    assert discriminator["head.weight"] == 128 * 4 * 4
    assert {generator[name] for name in generator if name.endswith("bias")} == {1}


def test_a_transposed_convolution_of_stride_two_adds_up_a_quarter_of_its_taps():
    settings = preset_named("tiny").with_changes(network="dcgan", width=4, discriminator_width=4)
    geometry = Geometry(32, 32, 3, 1)
    generator = counted(Generator(settings, geometry), (torch.randn(2, 16),))
    discriminator = counted(Discriminator(settings, geometry), (torch.randn(1, 3, 32, 32),))

    assert [generator[f"body.weights.{stage}"] for stage in range(3)] == [4 * 32, 4 * 16, 4 * 8]
    assert [discriminator[f"body.weights.{stage}"] for stage in range(3)] == [16 * 3, 16 * 8, 16 * 16]
    assert generator["body.norms.0.weight"] == 1


def test_both_players_and_an_autoencoder_take_the_optimizer_that_the_settings_ask_for():
    for method in ("gan", "autoencoder", "variational"):
        changed = SCALED.with_changes(method=method)
        new = new_method(changed, EIGHT_BY_EIGHT, CPU)
        assert {type(adam) for adam in new.optimizers.values()} == {ScaledAdam}
