"""All benchmarks that need no running server: scoring beside transformers, then what precision costs."""

from benchmarks import accuracy, scoring

if __name__ == "__main__":
    scoring.main()
    accuracy.main([])
