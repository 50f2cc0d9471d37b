"""Past days: what would customers have been told, marked, under the policy in force and under another?"""
