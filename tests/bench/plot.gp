# SPDX-License-Identifier: BSD-2-Clause
#
# Draws what scripts/bench has counted: gnuplot -e "results='results.txt'; out='docs'" plot.gp
set terminal svg size 640,360 font "sans-serif,13" background "#ffffff"
set logscale x
set grid
set key left top
set style data linespoints
set style line 1 lw 2 pt 7 ps 0.6 lc rgb "#1f5fa8"
set style line 2 lw 2 pt 5 ps 0.6 lc rgb "#c2571a"
set ylabel "instructions"
rows(operation) = sprintf("< awk '$1 == \"cost\" && $2 ~ /^%s/ { n = $2; sub(/.*_/, \"\", n); print (n ~ /^[0-9]+$/ ? n : 1), $3, $4 }' %s | sort -n", operation, results)

set output out . "/cost-by-pages.svg"
set title "REGISTER and UNREGISTER of a buffer"
set xlabel "pages of the buffer"
set logscale y
plot rows("share_") using 1:2 title "library" ls 1, \
	rows("share_") using 1:3 title "with host operations" ls 2

set output out . "/cost-by-buffers.svg"
set title "INVOKE with four parameters, one of them a buffer"
set xlabel "buffers that are registered"
unset logscale y
set yrange [0:]
plot rows("invoke(_[0-9]+)?$") using 1:2 title "library" ls 1, \
	rows("invoke(_[0-9]+)?$") using 1:3 title "with host operations" ls 2
