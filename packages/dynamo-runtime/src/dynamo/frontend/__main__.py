"""``python -m dynamo.frontend``."""

from dynamo.frontend import main

if __name__ == "__main__":
    main()
