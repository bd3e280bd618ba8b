"""What kind of text a person gives: a report of trouble, or an advert, a manual, a change, a trouble that is over."""
