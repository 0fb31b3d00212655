#!/usr/bin/env node
try {
  require('../dist/bundle/tsbuild.js')
} catch (error) {
  if (error.code !== 'MODULE_NOT_FOUND' || !error.message.includes('dist/bundle')) throw error
  console.error('tsbuild is not built yet: run npm run build')
  process.exitCode = 1
}
