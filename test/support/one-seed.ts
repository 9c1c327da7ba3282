import fc from 'fast-check'
import { seeds } from './seeds.js'

/** A property that names no seed is tried with that of the run as well, never with one of the moment. */
fc.configureGlobal({ seed: seeds.at(-1)! })
