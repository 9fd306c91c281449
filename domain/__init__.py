"""Pure values of Hilum: ids, films, findings, jobs, errors and the ports between rooms. No I/O and no clock."""
