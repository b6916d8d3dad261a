"""How many patches each label has, and how evenly they spread."""

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.quality import Balance
from eobench_dash.ml.metrics._labels import as_codes, labelled_rows


def label_balance(y: npt.ArrayLike) -> Balance:
    """Counts per label of the codes y (n,), and what they say of balance; labels without a patch do not count.

    Evenness is H / ln K with Shannon's H (Pielou 1966), effective number exp(H) (Hill 1973, order 1).
    """
    codes = as_codes(y)
    rows = labelled_rows(codes)
    present, counts = np.unique(codes[rows], return_counts=True)
    share = counts / max(1, counts.sum())
    entropy = float(-(share * np.log(share)).sum())
    return Balance(
        codes=present.astype(np.int64),
        counts=counts.astype(np.int64),
        labelled=len(rows),
        unlabelled=len(codes) - len(rows),
        imbalance_ratio=float(counts.max() / counts.min()) if len(counts) else float("nan"),
        evenness=(entropy / float(np.log(len(counts))) if len(counts) > 1 else 1.0) if len(counts) else float("nan"),
        effective_number=float(np.exp(entropy)) if len(counts) else 0.0,
    )
