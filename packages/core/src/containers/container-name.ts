import { randomInt } from 'node:crypto'
import { CoreError } from '../errors.js'

const qualities =
  `able airy ample azure bold brave breezy bright brisk calm candid clever cosy crisp daring deft eager early earnest
  fair fancy fleet fond frank fresh gentle glad golden grand happy hardy honest humble jolly keen kind lively loyal lucid lucky mellow
  merry mighty mild modest neat nimble noble patient plucky polite proud quick quiet ready robust rosy serene sharp shiny silent silver
  sleek smart snug solid spry steady still sturdy subtle sunny swift tidy tranquil trusty upbeat vivid warm wise witty zesty`.split(
    /\s+/,
  )

const people =
  `abel agnesi archimedes avogadro babbage backus bardeen bell bernoulli bohr boole born bose brahe carson cauchy clarke
  cori crick curie dalton darwin dirac easley edison euclid euler faraday fermat fermi feynman fourier franklin galileo galois gauss
  germain goodall granville hamilton hawking heisenberg hertz hodgkin hooke hopper hubble hypatia jemison joule kalam kepler khorana
  kilby knuth kovalevskaya lamarr laplace leavitt lovelace maxwell mcclintock meitner mendel mendeleev mirzakhani morse newton nobel
  noether pasteur pauli planck poincare ptolemy raman ramanujan ride ritchie shannon sinoussi tesla thompson torvalds turing volta
  wiles wozniak wu yalow`.split(/\s+/)

/** Two random words; after a few attempts that were taken a digit is wanted, too. */
export function randomContainerName(attempt = 0): string {
  const name = `${pick(qualities)}_${pick(people)}`
  return attempt < 3 ? name : `${name}${randomInt(10 ** Math.min(attempt - 2, 9))}`
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? ''
}

/** @throws {CoreError} `OPTION_INVALID` */
export function checkContainerName(name: string): string {
  const bare = name.replace(/^\//, '')
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(bare)) return bare
  throw new CoreError(
    'OPTION_INVALID',
    `Cannot name container "${name.slice(0, 100)}": not two or more letters, digits, "_", "." or "-"`,
    { hint: 'It begins with a letter or a digit' },
  )
}
