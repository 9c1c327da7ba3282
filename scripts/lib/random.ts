/** The generator of the whole repository; `stockhold/testing` needs it too, so it stands there. */
export { type Random, random } from '../../src/testing/random.js'
