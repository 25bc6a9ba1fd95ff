"""``python -m dynamo.mocker``."""

from dynamo.mocker import main

if __name__ == "__main__":
    main()
