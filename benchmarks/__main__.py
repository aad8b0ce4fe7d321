"""All benchmarks that need no running server: scoring beside transformers, what precision costs, bits, attention."""

from benchmarks import accuracy, attention, bits, scoring, sparse

if __name__ == "__main__":
    scoring.main()
    accuracy.main([])
    bits.main([])
    attention.main([])
    sparse.main([])
