// Stands for @tsbuild/store's require-lmdb.js in the bundle: lmdb's JavaScript is part of it, and so of its code cache.
exports.requireLmdb = () => require('lmdb')
