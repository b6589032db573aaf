"""What a server does wrong on purpose: scenarios as data, and the layers that play them.

    scenario    what a scenario holds     fields       the faults and effects by name, with their settings
    reading     a document becomes one    built_in     those that have a name
    stage       which one is played, and how far its counters are
    layer       between the gate and the routes: hands a request that a rule hits to its fault
    answers, edits, cuts     the faults themselves: another answer, a changed one, a broken connection

The first four need nothing but the standard library and our own JSON: they can be listed without the server.
"""
