FROM doesnotexist
