"""Whose turn it is: calls wait, and take a leased slot.

Doors: `admission.Admission`, `register.LeaseRegister`.
"""
