"""Training of classifiers under a defence, which measures the accuracy that the defence costs."""
