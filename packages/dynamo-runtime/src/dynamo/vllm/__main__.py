"""``python -m dynamo.vllm``."""

from dynamo.vllm import main

if __name__ == "__main__":
    main()
