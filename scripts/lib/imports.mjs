import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { root } from './repo.mjs'

/** One import of a source file. `typeOnly` ones are gone after compilation.
 * @typedef {{ file: string, specifier: string, typeOnly: boolean }} Import */

const forms = [
  /^(?:import|export)\s+(type\s)?[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^import\s+()['"]([^'"]+)['"]/gm,
  /\bimport\(\s*()['"]([^'"]+)['"]\s*\)/g,
  /\brequire(?:\.resolve)?\(\s*()['"]([^'"]+)['"]\s*\)/g,
]

/** The imports of a TypeScript or JavaScript file: static, dynamic and by `require`; those in comments left out.
 * @param {string} file relative to the root
 * @returns {Import[]} */
export function importsOf(file) {
  const text = withoutComments(readFileSync(join(root, file), 'utf8'))
  return forms.flatMap((form) =>
    [...text.matchAll(form)].map(([, type = '', specifier = '']) => ({ file, specifier, typeOnly: type !== '' })),
  )
}

/** The package that a specifier names: `@scope/name/deep` → `@scope/name`; `undefined` for relative ones and Node's own.
 * @param {string} specifier */
export function packageOf(specifier) {
  if (/^[./#]/.test(specifier) || isBuiltin(specifier)) return undefined
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Whole lines only: a `//` inside a string must survive. */
function withoutComments(text) {
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '')
}
