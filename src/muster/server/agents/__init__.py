"""Where agents and engines meet: `relay` holds the sessions, `routes` lets them in."""
