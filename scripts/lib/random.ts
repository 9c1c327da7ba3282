/**
 * The one seeded generator of the repository. It is in src/testing, since `stockhold/testing` needs
 * it too.
 */
export { type Random, random } from '../../src/testing/random.js'
