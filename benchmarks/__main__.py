"""All benchmarks that need no running server: scoring beside transformers, what precision costs, and bits."""

from benchmarks import accuracy, bits, scoring

if __name__ == "__main__":
    scoring.main()
    accuracy.main([])
    bits.main([])
