"""Score a trained run, or any codes in a file, against true factors."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ...errors import InputError
from ._options import flat_rows, parse, print_json, print_table, refuse, working

if TYPE_CHECKING:
    from ...representation.metrics import Arrays

MIN_POINTS = 30


@dataclass(frozen=True)
class Options:
    """What to score, and how.

    Args:
        run: Folder of a trained run.
        data: Of a run of grasp: the collection to measure it on, which isn't kept; by default 420 grasps of novel
            objects, collected into the run's folder.
        codes: Instead of a run: an npz file with arrays codes (n, D) and factors (n, K), and, if you like,
            codes_test (m, D) and factors_test (m, K).
        metrics: Names with commas between; unbraid list shows them.
        points: Fresh states of a run's world to measure on; a third of them is held out.
        discrete: Of --codes, which factors are sets of labels: few, those with few values; all; none; or their columns,
            from 0, with commas between.
        factors: Of a run's world, those that its codes are held against: all, controllable (what some action changes),
            or names with commas between.
        seed: Of the states and of metrics that draw at random.
        protocol: disentanglement_lib for that library's readings; none for ours.
        bootstrap: How often to draw the rows anew for standard errors; 0 for none.
        device: auto, cpu or cuda; of a run. Codes from a file are measured on the CPU.
        json: Print one JSON object.
    """

    run: Annotated[Path | None, tyro.conf.Positional] = None
    data: Path | None = None
    codes: Path | None = None
    metrics: str = "mig,dci,factor_vae,r2"
    points: int = 3000
    discrete: str = "few"
    factors: str = "all"
    seed: int = 0
    protocol: Literal["none", "disentanglement_lib"] = "none"
    bootstrap: int = 0
    device: str = "auto"
    json: bool = False


def main(argv: Sequence[str]) -> None:
    """``unbraid evaluate (RUN | --codes FILE.npz) [OPTIONS]``."""
    options = parse(Options, argv, "evaluate", __doc__)
    names = [name.strip() for name in options.metrics.split(",") if name.strip()]
    if options.run is not None and options.codes is not None:
        raise InputError(f"give one of the two: a run's folder, which {options.run} is taken for, or --codes FILE.npz")
    if options.run is None and options.codes is None:
        raise InputError("give a run's folder, or --codes FILE.npz")
    if options.points < MIN_POINTS:
        raise InputError(f"--points must be at least {MIN_POINTS}, not {options.points}")
    if options.codes is not None and options.factors != "all":
        raise InputError("--factors is for a run: a file holds just the factors that codes are to be held against")
    if options.codes is not None:
        refuse(options, ("points", "device", "data"), "--codes")
    elif options.discrete != "few":
        raise InputError("--discrete is for --codes")
    from ...representation import metrics

    numbers: dict[str, Any]
    if options.codes is not None:
        metrics.check_names(names)
        arrays = load_codes(options.codes)
        checked = metrics.Arrays.of(**arrays)
        discrete = _discrete(options.discrete, checked.factors.shape[1])
        _say_what_is_unseen(replace(checked, discrete=discrete))
        with working("measuring"):
            numbers = metrics.evaluate(
                names,
                **arrays,
                discrete=discrete,
                seed=options.seed,
                protocol=_protocol(options),
                bootstrap=options.bootstrap,
            )
    else:
        assert options.run is not None
        numbers = _evaluate_run(options.run, names, options)
    if options.json:
        print_json(numbers)
    else:
        print_table(str(options.codes or options.run), flat_rows(numbers))


def _evaluate_run(folder: Path, names: list[str], options: Options) -> dict[str, Any]:
    from ...representation import metrics
    from ...representation.training import pick_device
    from .. import work
    from ..runs import GRASP, open_run

    metrics.check_names(names)
    run = open_run(folder)
    learner = run.load(pick_device(options.device))
    if run.learner == GRASP:
        refuse(options, ("metrics", "points", "factors", "seed", "protocol", "bootstrap"), f"runs of {GRASP}")
        numbers = work.measure_grasps(run, learner, options.data)
        if options.data is None:
            run.write_metrics(evaluation=numbers)
        return numbers
    if options.data is not None:
        raise InputError(f"--data is for runs of {GRASP}; {folder} holds a {run.learner!r}")
    with working("measuring"):
        asked = [name.strip() for name in options.factors.split(",") if name.strip()]
        factors = asked[0] if len(asked) == 1 else asked
        how = work.Measuring(names, options.seed, options.points, factors, _protocol(options), options.bootstrap)
        numbers = work.measure(run, learner, how)
    run.write_metrics(evaluation=numbers)
    return numbers


def _discrete(said: str, factors: int) -> tuple[bool, ...] | None:
    """Of each factor, whether it is a set of labels; None where that is left to its values."""
    if said in ("few", "all", "none"):
        return None if said == "few" else (said == "all",) * factors
    columns = [part.strip() for part in said.split(",")]
    for column in columns:
        if not column.isdecimal() or int(column) >= factors:
            raise InputError(f"--discrete must be few, all, none or columns from 0 to {factors - 1}, not {column!r}")
    chosen = {int(column) for column in columns}
    return tuple(k in chosen for k in range(factors))


def _say_what_is_unseen(arrays: Arrays) -> None:
    """Warn of values that nothing can be fitted to."""
    unseen = arrays.unseen()
    if unseen:
        rows = "codes_test" if arrays.apart else "the last third of the rows, which is held out,"
        which = ", ".join(map(str, unseen))
        hint = "" if arrays.apart else "; shuffle rows that have an order"
        print(f"warning: {rows} has values of the factors {which} that no other row has{hint}", file=sys.stderr)


def _protocol(options: Options) -> str | None:
    return None if options.protocol == "none" else options.protocol


def load_codes(path: Path) -> dict[str, Any]:
    """The arrays of an npz file, read without executing anything in it.

    Raises:
        InputError: No such file, not an npz, or not the arrays that are wanted.
    """
    import numpy as np

    wanted = ("codes", "factors", "codes_test", "factors_test")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (AttributeError, TypeError):
        raise InputError(f"--codes {path} holds a single array; it must be an npz file of named ones") from None
    except FileNotFoundError:
        raise InputError(f"--codes {path}: there is no such file") from None
    except Exception:  # zipfile's, NumPy's and the system's alike: whatever it is, this is no such file
        raise InputError(f"--codes {path} can't be read: it must be an npz file of arrays of plain numbers") from None
    if not {"codes", "factors"} <= set(arrays) <= set(wanted):
        raise InputError(
            f"--codes {path} holds {sorted(arrays)}; it must hold codes and factors, and may hold {wanted[2:]}"
        )
    return arrays
