// Package quota measures how the worker spends scarce calls, in virtual time and beside
// two baselines. It has tests alone: virtual time needs a test.
package quota
