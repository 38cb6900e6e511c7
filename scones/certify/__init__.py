"""`scones certify`: the lowest threshold whose error among what passes is below a bound, by the draws of the audit."""
