"""344 penguins of three species, measured near Palmer Station, Antarctica, 2007 to 2009: a small table with real gaps.

Source: Gorman, Williams, Fraser 2014, "Ecological sexual dimorphism and environmental variability within a community of
Antarctic penguins (genus Pygoscelis)", PLOS ONE 9(3); as a table, Horst, Hill, Gorman 2020, palmerpenguins (CC0).
"""

from pathlib import Path

from minigrad.data.tables import csv


def penguins(target="species"):
    """The Table: species, island, bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g, sex, year; 19 gaps.

    It comes with minigrad. target: the column that is to be predicted; one without gaps (not the measures, nor sex).
    """
    return csv(Path(__file__).parent / "files" / "penguins" / "penguins.csv", target)
