"""What a supernet's scores say of networks, beside what costs nothing and what a training says."""

from bonas.supernets.report.measured import Measured
from bonas.supernets.report.price import Price
from bonas.supernets.report.rank_correlation import RankCorrelation
from bonas.supernets.report.report import Ranking, SupernetReport, report

__all__ = ["Measured", "Price", "RankCorrelation", "Ranking", "SupernetReport", "report"]
