import fc from 'fast-check'
import { seeds } from './seeds.js'

/**
 * A property that names no seed is tried with that of the run as well, never with one of the
 * moment. With `STOCKHOLD_SHRINK=no` a counterexample is reported as it was found: for a mutant,
 * which is killed by any.
 */
fc.configureGlobal({ seed: seeds.at(-1)!, endOnFailure: process.env.STOCKHOLD_SHRINK === 'no' })
