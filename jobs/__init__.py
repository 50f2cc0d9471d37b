"""What ticks? See schedule.py for the whole timetable."""
