export type { Engine } from './engine/engine.js'
export type { Item, Reservation } from './sale/results.js'
export {
  type CheckOptions,
  type CheckProgress,
  type CheckReport,
  checkNoOversell,
} from './testing/check-no-oversell.js'
export { MissingDependencyError } from './testing/fast-check.js'
export {
  type Direction,
  type DropScope,
  type Fault,
  type FaultScope,
  type FaultyRedis,
  faultyRedis,
} from './testing/faulty-redis.js'
export { InvariantViolation, playStory } from './testing/play-story.js'
export {
  type FastCheck,
  type Households,
  type Step,
  type Story,
  stepArbitrary,
  storyArbitrary,
} from './testing/story.js'
export { type VirtualEngine, type VirtualEngineOptions, virtualEngine } from './testing/virtual-engine.js'
