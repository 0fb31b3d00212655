import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { parseCsv } from '../dist/csv.js'
import { parseOutput } from '../dist/output-spec.js'

const valid: Record<string, object> = {
  '-': { type: 'tar', dest: '-' },
  out: { type: 'local', dest: 'out' },
  './a b': { type: 'local', dest: './a b' },
  'type=oci,dest=x.tar': { type: 'oci', dest: 'x.tar' },
  'TYPE=oci,dest=x=y.tar': { type: 'oci', dest: 'x=y.tar' },
  'type=oci,tar=false,dest=dir': { type: 'oci', dest: 'dir', tar: false },
  'type=oci,dest=x.tar,compression=zstd': { type: 'oci', dest: 'x.tar', compression: 'zstd' },
  'type=oci,dest=x,rewrite-timestamp=true': { type: 'oci', dest: 'x', rewriteTimestamp: true },
  'type=docker': { type: 'docker' },
  'type=docker,dest=-': { type: 'docker', dest: '-' },
  'type=local,"dest=a,b"': { type: 'local', dest: 'a,b' },
  'type=local,"dest=a""b"': { type: 'local', dest: 'a"b' },
  'type=image,"name=a:1,b:2",push=true': { type: 'image', names: ['a:1', 'b:2'], push: true },
  'type=image': { type: 'image' },
  'type=registry,name=localhost:5000/a': { type: 'registry', names: ['localhost:5000/a'] },
  'type=tar,dest=-': { type: 'tar', dest: '-' },
}

const invalid: Record<string, RegExp> = {
  '': /it is empty/,
  'dest=x': /it has no type/,
  'type=zip,dest=x': /type "zip" is unknown/,
  'type=oci,dst=x': /type=oci has no key "dst"/,
  'type=local,dest=x,compression=gzip': /type=local has no key "compression"/,
  'type=local': /needs dest=DIRECTORY/,
  'type=local,dest=-': /needs dest=DIRECTORY/,
  'type=oci,tar=false': /tar=false needs dest/,
  'type=oci,dest=': /dest is empty/,
  'type=oci,dest=x,compression=lz4': /compression "lz4" is unknown/,
  'type=image,push=maybe': /not true or false/,
  'type=oci,x.tar': /"x\.tar" is not key=value/,
  'type=oci,"dest=x': /quotes do not match/,
}

tests('output specification', (test) => {
  for (const [input, expected] of Object.entries(valid)) {
    test(`parseOutput() reads "${input}"`, () => assert.equal(parseOutput(input), expected))
  }
  for (const [input, why] of Object.entries(invalid)) {
    test(`parseOutput() rejects "${input}"`, () => {
      assert.throws(
        () => parseOutput(input),
        (error: Error) => hasCode(error, 'ARGUMENT_INVALID') && why.test(error.message),
      )
    })
  }
  test('parseCsv() splits at commas outside quotes', () => {
    assert.equal(parseCsv('a,"b,""c""",,d'), ['a', 'b,"c"', '', 'd'])
    assert.equal(parseCsv(''), [''])
    assert.is(parseCsv('a"b'), undefined)
    assert.is(parseCsv('"a"b'), undefined)
  })
})
