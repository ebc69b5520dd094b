# What each purchase of a file is worth: its key, its customer, its points (whole dollars). One line for each
# line of data. Knows nothing of the services; the figures that they are held against are computed from this.
#
#   NAME=cdnow_master.txt LINES=0 awk -f expected.awk cdnow_master.txt
#
# LINES is how many purchases count, 0 for all. The columns are customer_id, date, number_of_cds,
# dollar_value.

BEGIN { OFS = "\t" }
NR == 1 || NF == 0 { next }
ENVIRON["LINES"] > 0 && taken == ENVIRON["LINES"] + 0 { exit }
NF != 4 || $4 !~ /^[0-9]+(\.[0-9]+)?\r?$/ {
    print FILENAME ": line " NR " is no purchase: " $0 > "/dev/stderr"
    exit 1
}
{
    taken++
    split($4, dollars, ".")
    print ENVIRON["NAME"] ":" NR, $1, dollars[1] + 0
}
