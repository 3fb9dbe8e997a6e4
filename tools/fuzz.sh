#!/bin/sh
# Looks for inputs that crash a reader, or make it take more than a second or
# 256 MB, or that come out wrong: random ones for so long in all, then the worst
# courses that are known. It goes on after a failure; the input that failed stands
# in testdata/fuzz then. What it took of processors is told at the end: on a busy
# machine that is less than the time.
#
#   fuzz.sh GO TIME        such as fuzz.sh go 30m; minutes (m) or seconds (s)
set -eu
go=$1
case $2 in
*m) seconds=$((${2%m} * 60)) ;;
*s) seconds=${2%s} ;;
*) echo "fuzz: the time is $2; write minutes or seconds, such as 30m or 90s" >&2; exit 2 ;;
esac
config=./internal/courseconfig
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export COURSEWRIGHT_TEST_BOUNDS=1
# What seems slow is measured again by a program without the fuzzer's counters.
export COURSEWRIGHT_TEST_BOUNDS_PROGRAM="$work/plain"
"$go" test -c -o "$work/plain" "$config"
status=0

# fuzz PACKAGE TARGET PERMILLE
fuzz() {
	time=$((seconds * $3 / 1000))
	[ "$time" -gt 0 ] || time=1
	echo "$2: $time seconds"
	"$go" test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "${time}s" -fuzzminimizetime 1x -parallel 1 -timeout 0 || status=1
}
fuzz "$config" FuzzCourse 390
fuzz "$config" FuzzLoad 80
fuzz "$config/pyvalue" FuzzYAML 90
fuzz "$config/pyvalue" FuzzJSON 30
fuzz "$config/rst" FuzzHTML 100
fuzz "$config/djtemplate" FuzzRender 70
fuzz ./api FuzzRequests 40
fuzz ./api FuzzStatic 20
fuzz ./internal/aplusauth FuzzVerify 20
fuzz ./internal/build FuzzSplit 5
fuzz ./internal/buildlog FuzzWriter 30
fuzz ./internal/coursediff FuzzCompare 10
fuzz ./internal/gitrepo FuzzOrigin 15
fuzz ./internal/gitrepo FuzzBranch 10
fuzz ./internal/gitrepo FuzzConfig 15
fuzz ./internal/gitrepo FuzzModules 10
fuzz ./internal/gitrepo FuzzIndex 10
fuzz ./internal/grader FuzzArchive 15
fuzz ./internal/grader FuzzAnswer 5
fuzz ./internal/grader FuzzForm 10
fuzz ./internal/release FuzzCache 5
fuzz ./internal/remote FuzzOneLine 3
fuzz ./internal/remote FuzzShowURL 2
fuzz ./internal/settings FuzzLoad 5
fuzz ./internal/webhook FuzzDelivery 5
fuzz ./internal/webhook FuzzSignature 5
echo "the worst known courses"
"$go" test "$config" -run '^TestBounds$' -count=1 -timeout 60m || status=1
times
exit $status
