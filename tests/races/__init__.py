"""Does anybody ever get what somebody else has, when fifty ask at the same moment?"""
