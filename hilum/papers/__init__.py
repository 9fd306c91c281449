"""The papers that hospitals ask for, made from the code and the settings in force."""
