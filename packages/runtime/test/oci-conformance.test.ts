import { createOciRuntime } from '@tsbuild/runtime'
import { busyboxRootfs, findProgram, type RegisterTest, runtimeConformance, tests } from '@tsbuild/testkit'

const missing = process.getuid?.() === 0 ? (findProgram('runc') ? undefined : 'needs runc') : 'needs root'

/** What runc does not do; its own tests see to the rest of these. */
const otherwise: Record<string, string> = {
  'run() runs as USER "3000000000:4000000000"': 'runc takes ids up to 2147483647',
  'run() gives the step an empty stdin, no terminal and no other descriptor':
    'runc gives the step a pipe at its end for stdin, not /dev/null',
  'run() needs nothing of a profile but that programs can start':
    'runc sets the filter before it takes capabilities and changes the user',
}

tests('OCI runtime, runc', (test) => {
  const known = new Set<string>()
  const register: RegisterTest = (title, body, options = {}) => {
    known.add(title)
    test(title, body, { ...options, skip: options.skip || otherwise[title] })
  }
  runtimeConformance(register, (stateDir) => createOciRuntime({ program: 'runc', stateDir }), busyboxRootfs, missing)
  for (const title of Object.keys(otherwise)) {
    if (!known.has(title)) throw new Error(`the conformance suite has no test "${title}"`)
  }
})
