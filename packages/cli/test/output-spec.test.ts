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
  'type=oci,dest=x,source-date-epoch=12,rewrite-timestamp=false': {
    type: 'oci',
    dest: 'x',
    sourceDateEpoch: 12,
    rewriteTimestamp: false,
  },
  'type=oci,dest=x,source-date-epoch=': { type: 'oci', dest: 'x', sourceDateEpoch: null },
  'type=image,push=true,compression=zstd,compression-level=9,force-compression=true': {
    type: 'image',
    push: true,
    compression: 'zstd',
    compressionLevel: 9,
    forceCompression: true,
  },
  'type=registry,name=a,oci-mediatypes=false': { type: 'registry', names: ['a'], mediaTypes: 'docker' },
  'type=registry,oci-mediatypes=true': { type: 'registry', mediaTypes: 'oci' },
  'type=oci,dest=x,annotation.A.b=c=d,annotation-index.x=,"annotation-manifest[linux/arm64].k=a,b"': {
    type: 'oci',
    dest: 'x',
    annotations: [
      { key: 'A.b', value: 'c=d', on: 'manifest' },
      { key: 'x', value: '', on: 'index' },
      { key: 'k', value: 'a,b', on: 'manifest', platform: 'linux/arm64' },
    ],
  },
  'type=oci,dest=x,name=a:1': { type: 'oci', dest: 'x', names: ['a:1'] },
  'type=docker,name=a:1': { type: 'docker', names: ['a:1'] },
  'type=tar,dest=x,source-date-epoch=0': { type: 'tar', dest: 'x', sourceDateEpoch: 0 },
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
  'type=image,dest=x': /type=image has no key "dest"/,
  'type=image,unpack=true': /type=image has no key "unpack"/,
  'type=oci,dest=x,compression-level=high': /compression-level "high" is not a whole number/,
  'type=oci,dest=x,source-date-epoch=-1': /source-date-epoch "-1" is not a whole number/,
  'type=oci,dest=x,compression=estargz': /compression "estargz" is unknown/,
  'type=oci,dest=x,oci-mediatypes=maybe': /not true or false/,
  'type=oci,dest=x,annotation-layer.k=v': /"layer" can't be annotated/,
  'type=oci,dest=x,annotation.=v': /has no key "annotation\."/,
  'type=local,dest=x,annotation.k=v': /type=local has no annotations/,
  'type=docker,annotation.k=v': /type=docker has no annotations/,
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
